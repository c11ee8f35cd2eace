#include "peer/model/presets.h"

namespace peer::model {
namespace {

Preset tiny() { return {"tiny", "about 1M active parameters, 4,608 experts: demos and tests on a laptop", {}, {}}; }

Preset small() {
  Preset p{"small", "about 10M active parameters, 65,536 experts", {}, {}};
  p.model.width = 256, p.model.layers = 12, p.model.heads = 8, p.model.kv_heads = 8, p.model.feed_forward = 768, p.model.context = 256;
  p.model.peer_layers = {6}, p.model.peer_side = 256, p.model.page_experts = 1024;
  p.model.peer.heads = 8, p.model.peer.top_k = 16, p.model.peer.d_key = 128;
  p.delta = {.annex_side = 16, .annex_heads = 4, .annex_top_k = 8, .annex_d_key = 64, .dense_hidden = 128, .adapter_rank = 16};
  return p;
}

Preset base() {
  Preset p{"base", "about 100M active parameters, 1,048,576 experts", {}, {}};
  p.model.width = 768, p.model.layers = 12, p.model.heads = 12, p.model.kv_heads = 4, p.model.feed_forward = 2560, p.model.context = 512;
  p.model.peer_layers = {6}, p.model.peer_side = 1024, p.model.page_experts = 4096;
  p.model.peer.heads = 8, p.model.peer.top_k = 16, p.model.peer.d_key = 256;
  p.delta = {.annex_side = 32, .annex_heads = 4, .annex_top_k = 16, .annex_d_key = 128, .dense_hidden = 256, .adapter_rank = 32};
  return p;
}

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = {tiny(), small(), base()};
  return all;
}

const Preset& preset(const std::string& name) {
  std::vector<std::string> names;
  for (const Preset& p : presets()) {
    if (p.name == name) return p;
    names.push_back(p.name);
  }
  throw UsageError("option 'preset': expected tiny, small or base, found '" + name + "'" + did_you_mean(name, names));
}

}  // namespace peer::model
