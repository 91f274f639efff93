#!/bin/sh
# What sdwdate does before Qubes suspends.
exec /usr/libexec/sdwdate/suspend-pre
