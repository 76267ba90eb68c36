// When which account has something falling due. An account is in it at most once with a time that counts
// (`queued_due` of the account); a time that was moved later is found out when it comes up.
#pragma once

#include "engine/assert.hpp"
#include "engine/instant.hpp"

#include <algorithm>
#include <vector>

namespace tally::actors {

// `Account` has `instant queued_due`, `std::uint16_t queue_places` (while it is not 0 the account must not go away) and
// `instant next_due() const`. Thread: its shard's.
template <class Account>
class timer_queue {
public:
  // What is due after the horizon is not taken: somebody else will remind of it in time.
  void set_horizon(instant horizon) { horizon_ = horizon; }

  // Call after an account changed.
  void update(Account& account) {
    if (account.next_due() > horizon_)
      return;
    if (account.next_due() >= account.queued_due)
      return; // queued already, perhaps too early: corrected when it comes up
    account.queued_due = account.next_due();
    ++account.queue_places;
    TALLY_ASSERT(account.queue_places != 0);
    heap_.push_back({account.queued_due, &account});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  // The earliest due time; end_of_time if there is none. Exact: corrects what comes up.
  instant earliest() {
    while (!heap_.empty()) {
      const timer top = heap_.front();
      if (top.account->queued_due != top.due) { // an earlier time was queued for it since
        drop_top();
      } else if (top.account->next_due() != top.due) {
        drop_top();
        top.account->queued_due = instant::end_of_time();
        update(*top.account);
      } else {
        return top.due;
      }
    }
    return instant::end_of_time();
  }

  // The account of `earliest`, which must not be end_of_time. It is out of the queue until `update` is called for it.
  Account& pop() {
    Account& account = *heap_.front().account;
    drop_top();
    account.queued_due = instant::end_of_time();
    return account;
  }

private:
  struct timer {
    instant due;
    Account* account;
  };
  static bool later(const timer& a, const timer& b) { return a.due > b.due; }

  void drop_top() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    --heap_.back().account->queue_places;
    heap_.pop_back();
  }

  std::vector<timer> heap_;
  instant horizon_ = instant::end_of_time();
};

} // namespace tally::actors
