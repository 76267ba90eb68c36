// Makes random histories: few accounts, few orders, many collisions, times that fall on the very microsecond where
// something is due. Deterministic in its seed and in what it is told. What comes out of it: slow_model.hpp, history_words.hpp.
#pragma once

#include "tests/model/slow_account.hpp"

#include <deque>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace tally::model {

class history_generator {
public:
  // What the engine alone decides, or phones and names, too, which need a whole ledger.
  enum class people { members, with_phones };

  explicit history_generator(std::uint64_t seed, std::string merchant = "m", people = people::members);

  // Asked once a step, in this order.
  bool wants_new_rules();
  model_rules rules(std::uint32_t version); // in force from `time()` on
  std::int64_t now_us();                    // moves time
  command operation();                      // views live until the next call but one
  bool wants_only_settling() { return below(20) == 0; }

  // Time as `now_us` left it.
  std::int64_t time() const { return now_us_; }
  void move_to(std::int64_t now_us) { now_us_ = now_us; }
  // What became of an operation: histories go on from what is there.
  void told(const command& asked, const model_outcome& outcome);

private:
  std::int64_t below(std::int64_t limit) { return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random_); }
  bool one_in(std::int64_t n) { return below(n) == 0; }
  template <class T>
  const auto& one_of(const T& all) {
    return *std::next(all.begin(), below(static_cast<std::int64_t>(all.size())));
  }
  std::string_view keep(std::string text);
  std::string_view some_account();
  std::int64_t some_window_end();
  void fall_due(std::int64_t at_us) { instants_.insert(at_us); }
  const command& remembered(const command& c);
  command personal_operation();
  std::string_view some_phone();
  std::string_view some_id_to_be();
  void fill_earn(command& c);
  void fill_redemption(command& c);
  void fill_reservation(command& c);
  void fill_reverse(command& c);
  void fill_review(command& c);
  void fill_status(command& c);

  // Something that a later operation may be about.
  struct known {
    std::string account, name; // of an order or a reservation
    std::int64_t review = 0;
  };
  static void remember(std::deque<known>& all, known one, std::size_t most);

  std::mt19937_64 random_;
  const std::string merchant_;
  const people people_;
  std::int64_t now_us_;
  std::int64_t operations_ = 0;
  bool first_ = true;
  bool leap_day_ = false; // still to come
  std::deque<std::string> texts_;
  std::deque<std::vector<sale_line>> lines_;
  std::deque<command> sent_;         // some are sent again
  std::set<std::int64_t> instants_;  // when something may fall due
  std::deque<model_rules> versions_; // newest last, as in the following
  std::deque<known> orders_, reservations_, reviews_;
  std::set<std::string> suspended_, closed_, unknown_;
  std::deque<std::string> enrolled_by_phone_;
  std::int64_t newest_seq_ = 0; // as far as outcomes told
};

} // namespace tally::model
