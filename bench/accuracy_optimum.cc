// The best that headers in whole seconds allow, by simulation: an asker who knows how the path varies, weighs every
// phase by all answers so far, asks where either answer is as likely, and says the median of what is left.
//
//   accuracy_optimum THERE-MS BACK-MS JITTER-PERCENT RUNS REQUESTS...
//
// Each way takes its length, normally distributed with so many percent of it. The asker takes both ways for equally
// long, as nothing in an answer tells otherwise; that they are not is part of his error. For each number of requests
// prints it, then the median, the 95th percentile and the largest of the absolute errors, in seconds.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <vector>

namespace {

/// Between the phases that are weighed: an eighth of what twelve answers on a steady path leave open.
constexpr double kStep = 1.0 / (1 << 14);
/// A steady path; far below a step.
constexpr double kLeastNoise = 1e-6;
/// Beyond so many standard deviations nothing is expected.
constexpr double kReach = 7;

struct Path {
  double there;
  double back;
  double jitter;  ///< standard deviation of each way, as a share of it
};

double below(double deviations) { return 0.5 * std::erfc(-deviations / std::sqrt(2)); }

/// The asker's weights of the offsets, server less local, that are still possible.
class Belief {
 public:
  Belief(double low, double high) : low_(low), weights_(static_cast<std::size_t>((high - low) / kStep) + 1, 1.0) {}

  /// The server's clock has passed `least`, and not `least` + 1, with such a doubt about the way there.
  void passed(double least, double noise) {
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const double over = (offset(i) - least) / noise;
      const double under = (least + 1 - offset(i)) / noise;
      if (over < kReach) weights_[i] *= over < -kReach ? 0 : below(over);
      if (under < kReach) weights_[i] *= under < -kReach ? 0 : below(under);
    }
    // What is ruled out need not be looked at again.
    const auto possible = [](double weight) { return weight > 1e-12; };
    const auto first = std::ranges::find_if(weights_, possible);
    low_ += kStep * static_cast<double>(first - weights_.begin());
    weights_.erase(weights_.begin(), first);
    while (!weights_.empty() && !possible(weights_.back())) weights_.pop_back();
    const double most = *std::ranges::max_element(weights_);
    for (double& weight : weights_) weight /= most;
  }

  double median() const {
    double half = 0;
    for (const double weight : weights_) half += weight / 2;
    std::size_t i = 0;
    while (half > weights_[i]) half -= weights_[i++];
    return offset(i) + kStep * (half / weights_[i] - 0.5);
  }

 private:
  double offset(std::size_t i) const { return low_ + kStep * static_cast<double>(i); }

  double low_;
  std::vector<double> weights_;
};

/// One measurement: the absolute error after each number of requests, from one on.
std::vector<double> measure(const Path& path, std::size_t requests, std::mt19937_64& random) {
  const double round_trip = path.there + path.back;
  // Of the way there, when the round trip is known: two ways alike, so half of what they vary by is known with it.
  const double noise = std::max(path.jitter * round_trip / 2 / std::sqrt(2), kLeastNoise);
  const double margin = kReach * noise + kStep;
  const double truth = std::uniform_real_distribution{}(random);
  std::normal_distribution<double> normal;
  std::vector<double> errors;

  double sent = std::uniform_real_distribution{}(random);
  Belief belief{0, 0};
  while (true) {
    const double there = std::max(path.there * (1 + path.jitter * normal(random)), 0.0);
    const double back = std::max(path.back * (1 + path.jitter * normal(random)), 0.0);
    const double date = std::floor(sent + there + truth);
    const double least = date - sent - (there + back) / 2;
    if (errors.empty()) belief = Belief{least - margin, least + 1 + margin};
    belief.passed(least, noise);
    const double median = belief.median();
    errors.push_back(std::abs(median - truth));
    if (errors.size() == requests) return errors;
    sent = -median - round_trip / 2;  // of every second alike: any whole number may be added
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    static_cast<void>(std::fputs("accuracy_optimum THERE-MS BACK-MS JITTER-PERCENT RUNS REQUESTS...\n", stderr));
    return 2;
  }
  const Path path{std::atof(argv[1]) / 1e3, std::atof(argv[2]) / 1e3, std::atof(argv[3]) / 100};
  const int runs = std::atoi(argv[4]);
  std::map<std::size_t, std::vector<double>> errors;
  for (int i = 5; i < argc; ++i) errors[std::strtoul(argv[i], nullptr, 10)];
  if (runs < 1 || errors.begin()->first < 1) return 2;

  std::mt19937_64 random{1};
  for (int run = 0; run < runs; ++run) {
    const std::vector<double> after = measure(path, errors.rbegin()->first, random);
    for (auto& [requests, all] : errors) all.push_back(after[requests - 1]);
  }
  for (auto& [requests, all] : errors) {
    std::ranges::sort(all);
    const auto high = static_cast<std::size_t>(std::ceil(0.95 * runs)) - 1;
    const double median = (all[all.size() / 2] + all[(all.size() - 1) / 2]) / 2;
    std::printf("%zu %.9f %.9f %.9f\n", requests, median, all[high], all.back());
  }
  return 0;
}
