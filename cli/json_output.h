#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace peer::cli {

using Json = nlohmann::ordered_json;  // keys in the order of writing, which is the order of reading

// A path or a generated text may hold bytes that are not UTF-8: they are replaced, because JSON cannot hold them.
inline std::string json_text(const Json& document) { return document.dump(2, ' ', false, Json::error_handler_t::replace); }

}  // namespace peer::cli
