// Flags for a model and a stage so small that a command takes a tenth of a second. One thread: the same bits on any machine.
#pragma once

#include <string>
#include <vector>

namespace peer::cli {

using Words = std::vector<std::string>;

inline Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

inline const Words kMicroCommon = {"--threads", "1", "--seed", "3", "--quiet"};

inline const Words kMicroModel = {"--width",        "16", "--layers",       "2",  "--heads",       "4", "--kv-heads",    "2",
                                  "--feed-forward", "24", "--context",      "16", "--peer-layers", "1", "--peer-side",   "6",
                                  "--page-experts", "16", "--peer-heads",   "2",  "--peer-top-k",  "3", "--peer-d-key",  "8",
                                  "--annex-side",   "4",  "--annex-heads",  "2",  "--annex-top-k", "2", "--annex-d-key", "8",
                                  "--dense-hidden", "8",  "--adapter-rank", "2"};

inline const Words kMicroStage = {"--document-bytes", "400", "--held-out-share", "0.2", "--steps",      "24",
                                  "--batch",          "4",   "--eval-bytes",     "3k",  "--eval-batch", "4"};

}  // namespace peer::cli
