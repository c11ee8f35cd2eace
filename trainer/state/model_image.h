// What a commit writes of a model, and where the numbers of it lie: named dense tensors, and the pages of experts that changed. Together
// with trainer/checkpoint, which lists it, the only file that translates between model and pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "peer/device/buffer.h"
#include "peer/device/host_staging.h"
#include "peer/layers/peer_block.h"
#include "pool/pool.h"

namespace peer::trainer {

class ModelImage {
 public:
  enum class Weights { kFinite, kUnchecked };

  // The numbers are borrowed; beside those of the model's device they may be of the host.
  void add_trunk(std::string name, std::vector<pool::TensorView> tensors, Weights weights = Weights::kUnchecked);
  // The block's dirty pages. with_state: with the optimizer's state of those that are trained.
  void add_experts(layers::PeerBlock& block, bool with_state);

  // Copies the numbers into `memory`, which grows when it must, and lets go of the model: from now on they lie there, on the host.
  // staging: of the model's device, which must be idle.
  void capture(HostStaging& staging, Buffer<std::byte>& memory);
  std::int64_t bytes_to_capture() const;

  // Puts everything into the transaction, the next page on its way to the host while this one is written. staging: of the device where the
  // numbers lie, which must be idle. NumericError when a weight is not finite.
  void put(HostStaging& staging, pool::Transaction& transaction) const;

 private:
  struct Trunk {
    std::string name;
    std::vector<pool::TensorView> tensors;
    Weights weights;
  };
  struct Table {
    BlockId block;
    pool::RowLayout layout;
    std::int64_t rows;
  };
  struct Page {
    std::size_t table;
    PageIndex index;
    const std::byte* records;
    std::int64_t rows, stride;  // bytes from one record to the next
    bool with_state;
  };
  std::vector<HostStaging::Source> sources_of_tensors() const;
  std::vector<HostStaging::Source> sources_of_pages() const;
  std::vector<HostStaging::Source> sources() const;  // the tensors, then the pages
  void put_trunks(HostStaging& staging, pool::Transaction& transaction) const;
  void put_pages(HostStaging& staging, pool::Transaction& transaction) const;

  std::vector<Trunk> trunks_;
  std::vector<Table> tables_;
  std::vector<Page> pages_;
};

}  // namespace peer::trainer
