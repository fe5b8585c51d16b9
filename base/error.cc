#include "base/error.h"

#include <system_error>

namespace cowslip {

std::unexpected<Error> fail_errno(std::string_view what, int os_errno) {
  std::string message(what);
  message += ": ";
  message += std::generic_category().message(os_errno);
  return std::unexpected(Error{ErrorCode::kIo, std::move(message), os_errno});
}

}  // namespace cowslip
