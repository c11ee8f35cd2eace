// RAII for HDF5 identifiers, and the one door to the library: an Hdf5Session locks it for this process, keeps it from printing, and from
// running at exit, where it was seen to crash after failed writes. HDF5 never writes a file here and opens only files whose digest was
// checked: its parser crashes on damaged input.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <utility>

#include "peer/base/require.h"

namespace peer::pool {

class Hdf5Session {
 public:
  Hdf5Session() : lock_(mutex()) {
    static const bool prepared = H5dont_atexit() >= 0;  // must come before any other call
    require(prepared && H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0, "hdf5: the library must start");
  }

 private:
  static std::mutex& mutex() {
    static std::mutex instance;
    return instance;
  }
  std::lock_guard<std::mutex> lock_;
};

// An identifier that is closed at the end of its scope. Move-only.
template <herr_t (*Close)(hid_t)>
class Hdf5Handle {
 public:
  Hdf5Handle() = default;
  explicit Hdf5Handle(hid_t id) : id_(id) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Hdf5Handle() {
    if (id_ >= 0) Close(id_);
  }
  hid_t get() const { return id_; }
  bool valid() const { return id_ >= 0; }

 private:
  hid_t id_ = H5I_INVALID_HID;
};

using Hdf5File = Hdf5Handle<H5Fclose>;
using Hdf5Dataset = Hdf5Handle<H5Dclose>;
using Hdf5Space = Hdf5Handle<H5Sclose>;
using Hdf5Type = Hdf5Handle<H5Tclose>;
using Hdf5Properties = Hdf5Handle<H5Pclose>;
using Hdf5Attribute = Hdf5Handle<H5Aclose>;

}  // namespace peer::pool
