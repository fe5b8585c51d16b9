// std::expected::transform, which GCC 12's library does not have yet.
#pragma once

#include <type_traits>
#include <utility>

#include "base/error.h"

namespace cowslip::persistence {

// A Result of f(value), or the same Error.
template <typename T, typename F>
auto map_result(Result<T> result, F&& f) -> Result<std::invoke_result_t<F, T>> {
  if (!result) return std::unexpected(std::move(result.error()));
  return f(std::move(*result));
}

}  // namespace cowslip::persistence
