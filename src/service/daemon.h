// sdwdated's life: rounds, and what can happen in between.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "base/journal.h"
#include "config/config.h"
#include "service/disturbances.h"
#include "service/sync.h"
#include "timecore/discipline.h"
#include "timecore/schedule.h"
#include "timecore/steadiness.h"

namespace sdwdate::service {

/// What the daemon is told once, and again at SIGHUP.
struct DaemonSettings {
  config::Config config;
  ResolveOverrides overrides;
  std::shared_ptr<ipc::Launcher> launcher;
};

/// What chronyd said when it was asked after a round.
struct ChronyState {
  std::optional<base::RealTime> asked;
  std::optional<bool> selected;
  std::optional<bool> took_last_sample;
  std::string message;
};

/// All that the outside may know of the daemon.
struct DaemonState {
  enum class Doing : std::uint8_t { measuring, waiting, retrying, stopping };

  base::RealTime started;
  Doing doing = Doing::measuring;
  std::string message;  ///< a sentence for people
  std::optional<base::RealTime> next_round;
  std::optional<base::RealTime> last_success;
  std::optional<std::chrono::sys_seconds> certainly_past;  ///< by the last success
  unsigned failures_in_a_row = 0;
  unsigned rounds = 0;
  std::optional<SyncReport> last_round;
  ChronyState chrony;
};

/// Whom the daemon talks to. None of these may throw.
struct DaemonObserver {
  std::function<void(const DaemonState&)> changed;    ///< after each change of the state
  std::function<void(const SyncReport&)> round_done;  ///< after each round
  std::function<void()> alive;                        ///< at each tick of the watchdog
  std::function<void(const base::LogEntry&)> log;     ///< one line for each decision
};

/// What only tests choose differently.
struct DaemonSurroundings {
  std::filesystem::path rtc = kBatteryClock;
  /// How often the watchdog wants to be told, and the battery clock is looked at; empty: never.
  std::optional<std::chrono::nanoseconds> tick;
};

/// Reads the configuration again.
using Reload = std::function<std::expected<DaemonSettings, base::UserError>()>;

class Daemon {
 public:
  /// Opens all that a confined process could not open later (sandbox::confine_service).
  Daemon(DaemonSettings settings, Reload reload, DaemonObserver observer, DaemonSurroundings surroundings);

  /// Returns after SIGTERM or SIGINT; whatever was under way is dropped, and its helpers are gone. False if it ended by
  /// itself: no helper process can be started any more.
  bool run();

 private:
  boost::asio::awaitable<void> rounds();
  boost::asio::awaitable<void> heed_signals();
  boost::asio::awaitable<void> tick();
  /// Waits for the next round, asking chronyd on the way; returns why the wait ended.
  boost::asio::awaitable<Wake> between(std::chrono::nanoseconds wait);
  /// Sends what sync() has left to be sent; ends early when woken.
  boost::asio::awaitable<Wake> finish_quick_feed(const SyncReport& round);
  boost::asio::awaitable<void> ask_about_sample();

  timecore::FeedPlan plan(SyncReport& report);
  /// Says when paths begin to take unusually long, and when they no longer do.
  void look_at_delay(const timecore::Weighed& weighed, std::chrono::nanoseconds delay);
  std::chrono::nanoseconds conclude(SyncReport report);
  std::chrono::nanoseconds after_success(const SyncReport& report);
  std::chrono::nanoseconds after_failure(const SyncReport& report);
  /// Says once what this system cannot confine helpers by.
  void look_at_confinement(const RoundReport& round);
  /// Says once that Tor cannot be asked, and why.
  void look_at_tor(const std::optional<TorFacts>& tor);
  /// Says that chronyd was handed a rough time, and on what evidence.
  void look_at_rough(const SyncReport& report);
  /// Compares the clocks with the last look at them.
  void look();
  void begin_anew();
  void reload();
  void heed(Wake wake);

  void log(std::string_view event, base::Priority priority, std::string message,
           std::vector<base::LogEntry::Field> fields = {}) const;
  void change(DaemonState::Doing doing, std::string message);

  DaemonSettings settings_;
  Reload reload_;
  DaemonObserver observer_;
  DaemonSurroundings surroundings_;

  boost::asio::io_context context_{1};
  boost::asio::signal_set signals_;
  Mailbox mailbox_;
  base::UniqueFd links_;
  Watch clock_watch_;
  Watch link_watch_;    ///< while rounds fail
  Watch socket_watch_;  ///< chronyd makes its socket anew at each start

  timecore::Schedule schedule_;
  timecore::Discipline discipline_;
  timecore::Credit credit_;  ///< whatever happens: what it has allowed is in the clock
  timecore::Steadiness steadiness_;
  bool slow_paths_ = false;  ///< as last logged
  timecore::Look last_look_;
  std::optional<timecore::Known> known_;     ///< what chronyd was last told, if nothing has happened since
  std::optional<base::RawTime> fed_at_;      ///< of the last sample, until chronyd has been asked about it
  bool gave_up_ = false;                     ///< nothing can be asked any more
  std::optional<sandbox::Missing> missing_;  ///< of the helpers' confinement, as last logged
  std::string tor_trouble_;                  ///< why Tor's control port could not be asked, as last logged
  DaemonState state_;
};

}  // namespace sdwdate::service
