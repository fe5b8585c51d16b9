// How functions of this project fail: by value, never by exception.
//
// A Result<T> holds either the value or an Error that says what went wrong in words a user can act on. Assertions are
// for bugs of ours only; anything that input, the kernel or the disk can cause is an Error.
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace cowslip {

enum class ErrorCode {
  kInvalidArgument,  // the caller's input cannot be taken
  kCorrupt,          // stored or received bytes are not what their format promises
  kUnsupported,      // valid, but not something this version can do
  kNotFound,         // the file or thing named does not exist
  kIo,               // the operating system refused; `os_errno` says how
  kLimit,            // a configured or physical limit was reached
  kBusy,             // something else is under way
};

struct Error {
  ErrorCode code;
  std::string message;
  int os_errno = 0;  // errno when `code` is kIo, otherwise 0
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

// An Error as the failed alternative of any Result.
inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message), 0});
}

// The Error for a failed system call: "<what>: <strerror(os_errno)>".
std::unexpected<Error> fail_errno(std::string_view what, int os_errno = errno);

}  // namespace cowslip
