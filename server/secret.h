// Comparing what somebody claims to know with what they should know.
#pragma once

#include <string_view>

namespace cowslip::server {

// Takes as long for a wrong guess as for a right one, whatever they have in common.
inline bool is_same_secret(std::string_view guess, std::string_view secret) {
  size_t difference = guess.size() ^ secret.size();
  for (size_t i = 0; i < secret.size(); i++) {
    const char c = i < guess.size() ? guess[i] : '\0';
    difference |= static_cast<unsigned char>(c ^ secret[i]);
  }
  return difference == 0;
}

}  // namespace cowslip::server
