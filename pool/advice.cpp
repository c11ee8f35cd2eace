#include "pool/advice.h"

#include <cerrno>
#include <cstring>

namespace peer::pool {

std::string_view advice_for(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      return "; free some space and run the command again";
    case EFBIG:
      return "; raise the limit of a file's size (ulimit -f)";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; check who owns it and how its file system is mounted";
    case EMFILE:
    case ENFILE:
      return "; raise the limit of open files (ulimit -n)";
    case EAGAIN:
    case ENOMEM:
      return "; raise the limits of processes (ulimit -u) and of address space (ulimit -v)";
    case EIO:
      return "; check the disk";
    default:
      return "";
  }
}

std::string_view advice_in(std::string_view line) {
  for (const int code : {ENOSPC, EDQUOT, EFBIG, EACCES, EPERM, EROFS, EMFILE, ENFILE, ENOMEM, EIO})
    if (line.find(std::strerror(code)) != line.npos) return advice_for(code);
  return "";
}

}  // namespace peer::pool
