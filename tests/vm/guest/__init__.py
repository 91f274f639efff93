"""Guests: Debian 12 with our package in a virtual machine, whose clock may be wrong and is really set.

    image     what they boot from: kernel, initrd, disk
    qemu      the virtual machine and its monitor
    ports     its serial ports: commands go in, answers and clock readings come out
    guest     all of that together, and what happens to machines: pauses, suspends, reboots, cables
    servers   the web servers that they ask
    scenario  what scenarios share

files/ is laid over the guest's own files; init is the initrd's script; clock_echo.cc runs in the guest.
"""
