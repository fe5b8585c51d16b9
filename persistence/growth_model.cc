#include "persistence/growth_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace cowslip::persistence {
namespace {

constexpr std::array kExponents = {1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.4, 0.3};
constexpr double kUnitChanges = 10'000;  // only to keep the figures in hand
constexpr double kLongestStep = 0.02;    // of the child's way
constexpr size_t kMostLooks = 64;

std::vector<WriterKind> with_exponents(const std::vector<WriterKind>& kinds) {
  std::vector<WriterKind> all;
  for (const double exponent : kExponents) {
    for (WriterKind kind : kinds) {
      kind.exponent = exponent;
      all.push_back(kind);
    }
  }
  return all;
}

// A few dozen say as much as hundreds, and a kind of writers is tried in as many steps.
std::vector<GrowthLook> thinned(const std::vector<GrowthLook>& looks) {
  const size_t stride = 1 + looks.size() / kMostLooks;
  if (stride == 1) return looks;
  std::vector<GrowthLook> few{looks.front()};
  const size_t last = looks.size() - 1;
  for (size_t i = 1; i <= last; i++) {
    if ((last - i) % stride == 0) few.push_back(looks[i]);
  }
  return few;
}

FittedCourse fit_one(const std::vector<GrowthLook>& looks, double GrowthLook::* field, const WriterKind& kind) {
  FittedCourse fitted{.course = GrowthCourse(kind)};
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  std::vector<double> xs;
  for (size_t i = 1; i < looks.size(); i++) {
    fitted.course.advance(looks[i].progress, looks[i].changes);
    const double x = fitted.course.fresh(), y = looks[i].*field;
    xs.push_back(x);
    n++, sx += x, sy += y, sxx += x * x, sxy += x * y;
  }
  const double determinant = n * sxx - sx * sx;
  fitted.unit = determinant > 0 ? (n * sxy - sx * sy) / determinant : 0;
  fitted.base = n > 0 ? (sy - fitted.unit * sx) / n : 0;
  if (fitted.base < 0 && sxx > 0) fitted.base = 0, fitted.unit = sxy / sxx;
  fitted.unit = std::max(fitted.unit, 0.0);
  double squares = 0;
  for (size_t i = 0; i < xs.size(); i++) {
    squares += std::pow(looks[i + 1].*field - fitted.base - fitted.unit * xs[i], 2);
  }
  fitted.error = n > 0 ? std::sqrt(squares / n) : 0;
  return fitted;
}

}  // namespace

void GrowthCourse::advance(double progress, double changes) {
  const double way = std::max(progress - progress_, 0.0), more = std::max(changes - changes_, 0.0);
  const int steps = 1 + static_cast<int>(way / kLongestStep);
  for (int i = steps; i > 0; i--) step(progress_ + way / steps, changes_ + more / steps);
}

void GrowthCourse::step(double progress, double changes) {
  const double half_way = (progress_ + progress) / 2, half_changes = (changes_ + changes) / 2;
  const double untouched =
      std::exp(-half_changes / kind_.keys) * std::pow(std::max(half_changes, 1.0) / kUnitChanges, kind_.exponent - 1);
  const double added = (changes - changes_) * kind_.added_share;
  const double first_writes = (changes - changes_) * (1 - kind_.added_share) * untouched;
  const double first_of_unsaved = first_writes * (1 - half_way);

  if (kind_.reusing && !kind_.resizing && progress_ < 1) {
    const double saved = frozen_ * (progress - progress_) / (1 - progress_);
    frozen_ -= saved;
    given_ += saved;
  }
  frozen_ += first_of_unsaved;
  const double needed = added + (kind_.resizing ? first_writes : first_of_unsaved);
  const double reused = std::min(given_, needed);
  given_ -= reused;
  fresh_ += needed - reused;
  progress_ = progress;
  changes_ = changes;
}

FittedCourse fit_course(const std::vector<GrowthLook>& looks, double GrowthLook::* field, double noise,
                        const std::vector<WriterKind>& kinds) {
  constexpr double kClearly = 0.97;
  const std::vector<GrowthLook> few = thinned(looks);
  std::optional<FittedCourse> best;
  for (const WriterKind& kind : kinds) {
    const FittedCourse fitted = fit_one(few, field, kind);
    if (!best || std::hypot(fitted.error, noise) < std::hypot(best->error, noise) * kClearly) best = fitted;
  }
  return *best;
}

std::vector<WriterKind> kinds_of_blocks(double keys, double added_share) {
  return with_exponents({{.keys = keys, .added_share = added_share},
                         {.keys = keys, .added_share = added_share, .resizing = true},
                         {.keys = keys, .added_share = added_share, .reusing = false}});
}

std::vector<WriterKind> kinds_of_copies(double keys) {
  return with_exponents({{.keys = keys, .reusing = false}});
}

double given_back(const GrowthLook& before, double progress) {
  if (progress <= before.progress || before.progress >= 1) return 0;
  return before.copied * (progress - before.progress) / (1 - before.progress);
}

}  // namespace cowslip::persistence
