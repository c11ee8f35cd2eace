// What watches a long reading: whoever is told how far it is, and whoever may stop it.
#pragma once

#include <atomic>

#include "peer/base/error.h"
#include "peer/base/progress.h"

namespace peer::streams {

// Both may be null.
struct Reading {
  Progress* progress = nullptr;             // told of documents and megabytes once a text turns out to be long
  const std::atomic<bool>* stop = nullptr;  // ends the reading with ReadingStopped, also while a pipe gives nothing
};

// Somebody asked for it: no fault of the text.
class ReadingStopped : public Error {
 public:
  ReadingStopped() : Error("stopped while the text was read") {}
};

inline void check_stop(const std::atomic<bool>* stop) {
  if (stop != nullptr && *stop) throw ReadingStopped();
}

}  // namespace peer::streams
