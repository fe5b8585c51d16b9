// The order that a locale gives to texts.
#pragma once

#include <locale>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cowslip {

class Collation {
 public:
  // By bytes.
  Collation() = default;
  // `locale` as setlocale(3) has it: "" is the environment's. kNotFound when the system does not have it.
  static Result<Collation> named(const std::string& locale);

  // Less than, equal to or greater than 0. Texts that the locale has in the same place are ordered by their bytes.
  int compare(std::string_view a, std::string_view b) const;

 private:
  std::optional<std::locale> locale_;  // none: by bytes
};

}  // namespace cowslip
