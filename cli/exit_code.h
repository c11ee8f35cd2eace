// What the process tells its caller. Scripts depend on these numbers: never change one. peer/base/error.h maps exceptions to them.
#pragma once

#include <string_view>

namespace peer::cli {

enum ExitCode : int {
  kDone = 0,
  kFailure = 1,
  kUsage = 2,
  kForgettingLimit = 3,
  kCorruptData = 4,
  kPoolLocked = 5,
  kResumable = 75,  // EX_TEMPFAIL of sysexits.h
};

struct ExitMeaning {
  ExitCode code;
  std::string_view meaning;
};

inline constexpr ExitMeaning kExitMeanings[] = {
    {kDone, "done"},
    {kFailure, "failed: a file, the disk, the corpus, the device, or a loss that is not a finite number"},
    {kUsage, "a flag, a config key or a reference that cannot be meant"},
    {kForgettingLimit, "more was forgotten than the limit allows"},
    {kCorruptData, "stored bytes are damaged; the file is named"},
    {kPoolLocked, "another process writes to the pool; its process is named"},
    {kResumable, "stopped by a signal: the same command goes on, with --resume where the message says so"},
};

}  // namespace peer::cli
