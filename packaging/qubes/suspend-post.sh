#!/bin/sh
# What sdwdate does after Qubes resumes.
exec /usr/libexec/sdwdate/suspend-post
