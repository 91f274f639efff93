#include "refclock/sock_sample.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/time.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "base/build_info.h"
#include "support/generators.h"

namespace sdwdate::refclock {
namespace {

using namespace std::chrono_literals;
using base::RealTime;
using std::chrono::nanoseconds;
using timecore::Offset;

/// As chrony's refclock_sock.c declares it.
struct SockSample {
  timeval tv;
  double offset;
  int pulse;
  int leap;
  int _pad;
  int magic;
};
static_assert(sizeof(SockSample) == kDatagramSize);

constexpr RealTime kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 12h;
constexpr std::chrono::hours kFiftyYears = 50 * 365 * 24h;

/// What chronyd sees.
SockSample received(const Sample& sample) {
  const auto datagram = encode(sample);
  EXPECT_TRUE(datagram);
  SockSample seen{};
  if (datagram) std::memcpy(&seen, datagram->data(), datagram->size());
  return seen;
}

TEST(SockSample, TheFieldsAreWhereChronyLooksForThem) {
  const SockSample seen = received({kNow + 123456us, Offset{-1500ms}});
  EXPECT_EQ(seen.tv.tv_sec, std::chrono::floor<std::chrono::seconds>(kNow).time_since_epoch().count());
  EXPECT_EQ(seen.tv.tv_usec, 123456);
  EXPECT_EQ(seen.offset, -1.5);
  EXPECT_EQ(seen.pulse, 0);
  EXPECT_EQ(seen.leap, 0);
  EXPECT_EQ(seen._pad, 0);
  EXPECT_EQ(seen.magic, 0x534f434b);
}

TEST(SockSample, TheDatagramIsTheseBytes) {
  const auto datagram = encode({RealTime{1700000000s + 5us}, Offset{1s}});
  ASSERT_TRUE(datagram);
  constexpr std::array<int, kDatagramSize> kExpected{0x00, 0xf1, 0x53, 0x65, 0, 0, 0, 0, 5,    0,    0,    0,   0, 0,
                                                     0,    0,    0,    0,    0, 0, 0, 0, 0xf0, 0x3f, 0,    0,   0, 0,
                                                     0,    0,    0,    0,    0, 0, 0, 0, 0x4b, 0x43, 0x4f, 0x53};
  for (std::size_t i = 0; i < kDatagramSize; ++i) EXPECT_EQ(std::to_integer<int>((*datagram)[i]), kExpected.at(i)) << i;
}

// chronyd takes the field `offset` as reference minus local and uses the time stamp only to date the sample
// (RCL_AddSample in refclock.c): what the stamp's microseconds cannot hold must not show in the offset.
RC_GTEST_PROP(SockSample, TheOffsetIsExactToNanoseconds, ()) {
  const RealTime taken = kNow + *support::duration(0ns, 1s);
  const nanoseconds offset = *support::duration(-10s, 10s);
  const SockSample seen = received({taken, Offset{offset}});
  RC_ASSERT(std::abs(seen.offset * 1e9 - static_cast<double>(offset.count())) < 3.0);
}

RC_GTEST_PROP(SockSample, TheTimeStampIsNeverInTheFutureAndNeverAMicrosecondOld, ()) {
  const RealTime taken = kNow + *support::duration(-24h, 24h);
  const SockSample seen = received({taken, Offset{0ns}});
  const RealTime stamp{std::chrono::seconds{seen.tv.tv_sec} + std::chrono::microseconds{seen.tv.tv_usec}};
  RC_ASSERT((seen.tv.tv_usec >= 0 && seen.tv.tv_usec < 1'000'000));
  RC_ASSERT((stamp <= taken && taken - stamp < 1us));
}

TEST(SockSample, AClockBefore1970HasAPositiveFraction) {
  const RealTime taken{-1ms};
  const SockSample seen = received({taken, Offset{kNow - taken}});
  EXPECT_EQ(seen.tv.tv_sec, -1);
  EXPECT_EQ(seen.tv.tv_usec, 999000);
}

TEST(SockSample, ReferencesBeforeChronysWindowAreRefused) {
  const RealTime edge = base::build_floor() - kFiftyYears;
  EXPECT_TRUE(encode({kNow, Offset{edge - kNow}}));
  const auto early = encode({kNow, Offset{edge - kNow - 1ns}});
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error(), Unacceptable::too_early);
}

TEST(SockSample, ReferencesAfterChronysWindowAreRefused) {
  const RealTime oldest_build = std::chrono::sys_days{std::chrono::year{2022} / 8 / 31};
  const RealTime edge = oldest_build - kFiftyYears + std::chrono::seconds{1LL << 32};
  EXPECT_TRUE(encode({kNow, Offset{edge - kNow}}));
  const auto late = encode({kNow, Offset{edge - kNow + 1ns}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), Unacceptable::too_late);
}

TEST(SockSample, TheEndsOfTimeAreRefusedWithoutOverflow) {
  EXPECT_FALSE(encode({RealTime{0ns}, Offset{0ns}}));
  EXPECT_FALSE(encode({kNow, Offset{nanoseconds::max() - kNow.time_since_epoch()}}));
  EXPECT_FALSE(encode({kNow, Offset{-kNow.time_since_epoch()}}));
}

}  // namespace
}  // namespace sdwdate::refclock
