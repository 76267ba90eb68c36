#include "bench/workload.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace tally::bench {

namespace {
constexpr std::size_t orders_kept = 1u << 16;
constexpr std::size_t accounts_drawn = 1u << 22;
constexpr std::uint32_t weights_max = 10'000;
} // namespace

result<operation_mix> parse_mix(std::string_view text) {
  operation_mix mix{0, 0, 0, 0};
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    const std::string_view digits = equals == part.npos ? std::string_view{} : part.substr(equals + 1);
    std::uint32_t weight = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), weight);
    if (error != std::errc{} || end != digits.data() + digits.size())
      return failure{failure_code::bad_argument, "mix: \"" + std::string(part) + "\" is not OPERATION=WEIGHT"};
    std::uint32_t* const place = name == "earn"      ? &mix.earn
                                 : name == "redeem"  ? &mix.redeem
                                 : name == "reverse" ? &mix.reverse
                                 : name == "account" ? &mix.account
                                                     : nullptr;
    if (place == nullptr)
      return failure{failure_code::bad_argument, "mix: \"" + std::string(name) + "\" is not earn, redeem, reverse or account"};
    *place = weight;
  }
  const std::uint64_t sum = std::uint64_t{mix.earn} + mix.redeem + mix.reverse + mix.account;
  if (sum == 0 || sum > weights_max)
    return failure{failure_code::bad_argument, "mix: the weights must add up to 1 to 10000"};
  return mix;
}

workload::workload(const workload_options& options)
    : accounts_(options.accounts), random_(options.seed), orders_(orders_kept), number_(options.first_number) {
  kinds_.insert(kinds_.end(), options.mix.earn, op::earn);
  kinds_.insert(kinds_.end(), options.mix.redeem, op::redeem);
  kinds_.insert(kinds_.end(), options.mix.reverse, op::reverse);
  kinds_.insert(kinds_.end(), options.mix.account, op::account);
  if (options.skew > 0)
    draw_skewed_accounts(options.skew);
}

operation workload::next() {
  operation next;
  next.kind = kinds_[random_.below(static_cast<std::uint32_t>(kinds_.size()))];
  if (next.kind == op::reverse) {
    orders_out_ = std::max(orders_out_, orders_in_ > orders_kept ? orders_in_ - orders_kept : 0);
    if (orders_out_ < orders_in_) {
      const earned_order& order = orders_[orders_out_++ % orders_kept];
      next.account = order.account;
      next.order = order.number;
      next.number = number_++;
      return next;
    }
    next.kind = op::earn;
  }
  next.account = pick_account();
  if (next.kind == op::account)
    return next;
  next.number = number_++;
  if (next.kind == op::earn)
    next.value = 100 * (100 + random_.below(9'900)); // 1.00 to 99.99
  else
    next.value = 1 + random_.below(50);
  return next;
}

void workload::earned(const operation& earn) { orders_[orders_in_++ % orders_kept] = {earn.account, earn.number}; }

std::uint32_t workload::pick_account() {
  if (drawn_.empty())
    return random_.below(accounts_);
  drawn_at_ = drawn_at_ + 1 == drawn_.size() ? 0 : drawn_at_ + 1;
  return drawn_[drawn_at_];
}

// Inverts the cumulative distribution by binary search, once and beforehand: a draw while measuring reads the next number.
// Popular accounts are strewn over the id space by a step that is coprime to their number.
void workload::draw_skewed_accounts(double skew) {
  std::vector<double> cumulative(accounts_);
  double sum = 0;
  for (std::uint32_t rank = 0; rank < accounts_; ++rank)
    cumulative[rank] = sum += std::pow(static_cast<double>(rank) + 1, -skew);
  std::uint64_t step = accounts_ / 2 + 7919;
  while (std::gcd(step, std::uint64_t{accounts_}) != 1)
    ++step;
  drawn_.resize(accounts_drawn);
  for (std::uint32_t& account : drawn_) {
    const double at = static_cast<double>(random_.next() >> 11) * 0x1p-53 * sum;
    const auto rank = std::lower_bound(cumulative.begin(), cumulative.end(), at) - cumulative.begin();
    account = static_cast<std::uint32_t>((std::min<std::uint64_t>(static_cast<std::uint64_t>(rank), accounts_ - 1) * step) % accounts_);
  }
}

} // namespace tally::bench
