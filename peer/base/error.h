// The three kinds of failure, and what becomes of each:
//   the world failed  (file, disk, corpus, flag)  -> a typed exception below: what, where, expected, found, what to try
//   we failed         (shape, range, order)       -> require(), a ContractError: a bug, with the op's name
//   the device died                               -> DeviceError: the trainer stops without a commit
// cli/main.cpp turns each into one line on stderr and the exit code noted here.
#pragma once

#include <stdexcept>
#include <string>

namespace peer {

class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& line) : std::runtime_error(line) {}
  virtual int exit_code() const { return 1; }
};

// A file, directory or disk did not do what was asked. Exit code 1.
class IoError : public Error {
 public:
  using Error::Error;
};

// A flag, a config key or a reference that cannot be what the user meant. Exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
  int exit_code() const override { return 2; }
};

// A corpus that cannot be read as text. Exit code 1.
class CorpusError : public Error {
 public:
  using Error::Error;
};

// Stored bytes differ from their checksum or their format. Exit code 4.
class CorruptError : public Error {
 public:
  using Error::Error;
  int exit_code() const override { return 4; }
};

// Another process holds the pool. Exit code 5.
class LockedError : public Error {
 public:
  using Error::Error;
  int exit_code() const override { return 5; }
};

// A loss, gradient or weight that is not a finite number. Exit code 1; nothing was committed.
class NumericError : public Error {
 public:
  using Error::Error;
};

class DeviceError : public Error {
 public:
  using Error::Error;
};

// A broken promise between two functions of this program. Exit code 1.
class ContractError : public Error {
 public:
  using Error::Error;
};

}  // namespace peer
