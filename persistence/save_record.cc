#include "persistence/save_record.h"

namespace cowslip::persistence {

std::string_view name(SaveResult result) {
  switch (result) {
    case SaveResult::kRunning:
      return "running";
    case SaveResult::kOk:
      return "ok";
    case SaveResult::kError:
      return "error";
    case SaveResult::kCancelled:
      return "cancelled";
    case SaveResult::kKilled:
      return "killed";
    case SaveResult::kStoppedByGuard:
      return "stopped by guard";
  }
  return "";
}

}  // namespace cowslip::persistence
