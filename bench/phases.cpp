#include "bench/phases.hpp"

#include <algorithm>

namespace tally::bench {

bool outcome_counts::is_error(op kind, const answer_numbers& answer) {
  const bool too_few_points = answer.code == outcome_code::insufficient_points || answer.code == outcome_code::below_min_balance;
  return answer.status != outcome_status::ok && !(kind == op::redeem && too_few_points);
}

bool enroll_traffic::next(std::int64_t, operation& out) {
  if (next_ == accounts_.count())
    return false;
  out = operation{op::enroll, next_++, 0, 0, 0};
  return true;
}

void enroll_traffic::answered(const operation& asked, const answer_numbers& answer, std::int64_t, std::int64_t) {
  if (answer.status == outcome_status::ok)
    accounts_.start_from(asked.account, answer);
  else if (answer.status == outcome_status::duplicate)
    known_before_.push_back(asked.account);
  else
    ++errors_;
}

bool read_traffic::next(std::int64_t, operation& out) {
  if (next_ == accounts_.size())
    return false;
  out = operation{op::account, accounts_[next_++], 0, 0, 0};
  return true;
}

void read_traffic::answered(const operation& asked, const answer_numbers& answer, std::int64_t, std::int64_t) {
  visit_(asked.account, answer);
}

bool round_traffic::next(std::int64_t, operation& out) {
  if (next_ == accounts_)
    return false;
  out = operation{kind_, next_++, number_++, 0, value_};
  return true;
}

void round_traffic::answered(const operation&, const answer_numbers& answer, std::int64_t, std::int64_t) {
  if (answer.status != outcome_status::ok)
    ++errors_;
}

measured_traffic::measured_traffic(workload& work, expected_accounts& accounts, options wanted)
    : work_(work), accounts_(accounts), options_(std::move(wanted)) {}

bool measured_traffic::next(std::int64_t now_ns, operation& out) {
  if (now_ns >= stage_end_ns_)
    move_on(now_ns);
  if (stage_ == stage::over)
    return false;
  out = work_.next();
  return true;
}

void measured_traffic::answered(const operation& asked, const answer_numbers& answer, std::int64_t started_ns, std::int64_t now_ns) {
  if (answer.status == outcome_status::ok && asked.kind != op::account) {
    accounts_.acknowledged(asked, answer);
    if (asked.kind == op::earn)
      work_.earned(asked);
  }
  errors_ += outcome_counts::is_error(asked.kind, answer);
  if (stage_ != stage::measuring || now_ns >= stage_end_ns_)
    return;
  ++answered_;
  latency_us_[static_cast<std::size_t>(asked.kind)].record(static_cast<std::uint64_t>(now_ns - started_ns) / 1000);
  outcomes_.count(asked.kind, answer);
  longest_silence_ns_ = std::max(longest_silence_ns_, now_ns - last_answer_ns_);
  last_answer_ns_ = now_ns;
}

histogram measured_traffic::all_latencies_us() const {
  histogram all;
  for (const histogram& one : latency_us_)
    all.add(one);
  return all;
}

void measured_traffic::move_on(std::int64_t now_ns) {
  switch (stage_) {
  case stage::before:
    stage_ = stage::warming;
    stage_end_ns_ = now_ns + options_.warmup_ns;
    if (options_.warmup_ns > 0)
      break;
    [[fallthrough]];
  case stage::warming:
    stage_ = stage::measuring;
    window_start_ns_ = last_answer_ns_ = now_ns;
    stage_end_ns_ = now_ns + options_.duration_ns;
    options_.at_start();
    break;
  case stage::measuring:
    stage_ = stage::over;
    window_end_ns_ = stage_end_ns_;
    options_.at_end();
    break;
  case stage::over:
    break;
  }
}

} // namespace tally::bench
