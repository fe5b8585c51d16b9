#include "persistence/child_report.h"

namespace cowslip::persistence {

std::string_view save_phase_name(SavePhase phase) {
  switch (phase) {
    case SavePhase::kSetup:
      return "setup";
    case SavePhase::kCreate:
      return "create";
    case SavePhase::kWrite:
      return "write";
    case SavePhase::kPublish:
      return "publish";
    case SavePhase::kSend:
      return "send";
    case SavePhase::kDone:
      return "done";
  }
  return "unknown";
}

}  // namespace cowslip::persistence
