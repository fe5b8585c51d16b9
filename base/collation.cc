#include "base/collation.h"

#include <stdexcept>

namespace cowslip {

Result<Collation> Collation::named(const std::string& locale) {
  try {
    Collation collation;
    const std::locale found(std::locale::classic(), locale, std::locale::collate);
    if (found != std::locale::classic()) collation.locale_ = found;
    return collation;
  } catch (const std::runtime_error&) {
    return fail(ErrorCode::kNotFound, "Invalid locale name");
  }
}

int Collation::compare(std::string_view a, std::string_view b) const {
  if (locale_) {
    const auto& order = std::use_facet<std::collate<char>>(*locale_);
    const int found = order.compare(a.data(), a.data() + a.size(), b.data(), b.data() + b.size());
    if (found != 0) return found;
  }
  return a.compare(b);
}

}  // namespace cowslip
