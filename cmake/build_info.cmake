# The floor below which no time is believed: the same for the same source, so that builds can be reproduced.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  set(SDWDATE_BUILD_FLOOR "std::chrono::seconds{$ENV{SOURCE_DATE_EPOCH}}")
else()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/CHANGELOG.md)
  file(STRINGS ${PROJECT_SOURCE_DIR}/CHANGELOG.md headings REGEX "^## .* - [0-9]+-[0-9]+-[0-9]+$")
  list(GET headings 0 newest)
  string(REGEX MATCH "([0-9]+)-0*([0-9]+)-0*([0-9]+)$" date "${newest}")
  set(SDWDATE_BUILD_FLOOR
      "std::chrono::sys_days{std::chrono::year{${CMAKE_MATCH_1}} / ${CMAKE_MATCH_2} / ${CMAKE_MATCH_3}}")
endif()
