#include "peer/model/launch_digest.h"

#include <bit>

#include "peer/base/digest.h"

namespace peer::model {
namespace {

class Chain {
 public:
  void add(std::uint64_t number) {
    const std::uint64_t both[] = {digest_, number};
    digest_ = hash64_of(both, sizeof both);
  }
  void add(const void* address) { add(static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(address))); }
  std::uint64_t digest() const { return digest_; }

 private:
  std::uint64_t digest_ = 0;
};

}  // namespace

std::uint64_t launch_digest(Model& model) {
  Chain chain;
  for (int view = 0; view <= model.newest(); ++view) {
    if (model.retired(view)) continue;
    for (const auto& parameter : model.parameters(view)) {
      chain.add(parameter->value().data());
      for (const Buffer<float>* buffer : {&parameter->gradient, &parameter->m, &parameter->v}) chain.add(buffer->data());
      chain.add(static_cast<std::uint64_t>(parameter->size()));
      chain.add(static_cast<std::uint64_t>(parameter->copy_changes()));
    }
    model.for_each_block(view, [&](layers::PeerBlock& block, int) {
      const ops::ExpertRows rows = block.experts().rows();
      chain.add(rows.pages);
      chain.add(block.experts().uses().data);
      chain.add(static_cast<std::uint64_t>(block.staging().moves()));
      chain.add(static_cast<std::uint64_t>(rows.count));
      chain.add(static_cast<std::uint64_t>(block.open()));
      chain.add(static_cast<std::uint64_t>(block.statistics()));
      chain.add(std::uint64_t{std::bit_cast<std::uint32_t>(block.statistics_momentum())});
      chain.add(static_cast<std::uint64_t>(block.experts().any_trainable()));
    });
  }
  return chain.digest();
}

}  // namespace peer::model
