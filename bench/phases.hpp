// The phases of a benchmark as traffic: enrolling everybody, the measured load, reading back. Each knows what answers it
// expects and counts the rest as errors.
#pragma once

#include "bench/expected_accounts.hpp"
#include "bench/generator.hpp"
#include "bench/histogram.hpp"
#include "bench/workload.hpp"

#include <array>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace tally::bench {

// How often each operation was answered how.
class outcome_counts {
public:
  void count(op kind, const answer_numbers& answer) { ++counts_[{kind, answer.status, answer.code}]; }
  // Whatever the profile did not ask for. A redemption may find too few points, or the account below zero after a reversal.
  static bool is_error(op kind, const answer_numbers& answer);

  using key = std::tuple<op, outcome_status, outcome_code>;
  const std::map<key, std::uint64_t>& all() const { return counts_; }

private:
  std::map<key, std::uint64_t> counts_;
};

// Enrolls accounts 0 .. n-1. Those that were there already must be read before their balance is known.
class enroll_traffic : public traffic {
public:
  explicit enroll_traffic(expected_accounts& accounts) : accounts_(accounts) {}

  bool next(std::int64_t now_ns, operation& out) override;
  void answered(const operation& asked, const answer_numbers& answer, std::int64_t started_ns, std::int64_t now_ns) override;

  std::uint64_t errors() const { return errors_; }
  const std::vector<std::uint32_t>& known_before() const { return known_before_; }

private:
  expected_accounts& accounts_;
  std::uint32_t next_ = 0;
  std::uint64_t errors_ = 0;
  std::vector<std::uint32_t> known_before_;
};

// Reads accounts and shows each to `visit`.
class read_traffic : public traffic {
public:
  using visitor = std::function<void(std::uint32_t account, const answer_numbers& shown)>;
  read_traffic(std::span<const std::uint32_t> accounts, visitor visit) : accounts_(accounts), visit_(std::move(visit)) {}

  bool next(std::int64_t now_ns, operation& out) override;
  void answered(const operation& asked, const answer_numbers& answer, std::int64_t started_ns, std::int64_t now_ns) override;

private:
  std::span<const std::uint32_t> accounts_;
  visitor visit_;
  std::size_t next_ = 0;
};

// One operation of a kind and value for every account in turn.
class round_traffic : public traffic {
public:
  round_traffic(op kind, std::int64_t value, std::uint64_t first_number, std::uint32_t accounts)
      : kind_(kind), value_(value), number_(first_number), accounts_(accounts) {}

  bool next(std::int64_t now_ns, operation& out) override;
  void answered(const operation& asked, const answer_numbers& answer, std::int64_t started_ns, std::int64_t now_ns) override;
  std::uint64_t errors() const { return errors_; }

private:
  op kind_;
  std::int64_t value_;
  std::uint64_t number_;
  std::uint32_t accounts_, next_ = 0;
  std::uint64_t errors_ = 0;
};

// The load itself: warms up, measures for a while, ends. Only what is answered inside the window is measured; every
// acknowledgement counts for what the accounts must hold.
class measured_traffic : public traffic {
public:
  struct options {
    std::int64_t warmup_ns = 0;
    std::int64_t duration_ns = 0;
    std::function<void()> at_start, at_end; // of the window
  };
  measured_traffic(workload& work, expected_accounts& accounts, options wanted);

  bool next(std::int64_t now_ns, operation& out) override;
  void answered(const operation& asked, const answer_numbers& answer, std::int64_t started_ns, std::int64_t now_ns) override;
  void expect(const operation& asked) override { accounts_.prefetch(asked.account); }

  const histogram& latency_us(op kind) const { return latency_us_[static_cast<std::size_t>(kind)]; }
  histogram all_latencies_us() const;
  std::uint64_t answered_count() const { return answered_; } // inside the window
  std::uint64_t errors() const { return errors_; }           // in the warm-up too
  double window_s() const { return static_cast<double>(window_end_ns_ - window_start_ns_) * 1e-9; }
  std::int64_t longest_silence_us() const { return longest_silence_ns_ / 1000; } // between two answers
  const outcome_counts& outcomes() const { return outcomes_; }

private:
  enum class stage { before, warming, measuring, over };
  void move_on(std::int64_t now_ns);

  workload& work_;
  expected_accounts& accounts_;
  options options_;
  stage stage_ = stage::before;
  std::int64_t stage_end_ns_ = 0;
  std::int64_t window_start_ns_ = 0, window_end_ns_ = 0;
  std::int64_t last_answer_ns_ = 0, longest_silence_ns_ = 0;
  std::uint64_t answered_ = 0, errors_ = 0;
  std::array<histogram, op_count> latency_us_;
  outcome_counts outcomes_;
};

} // namespace tally::bench
