"""The live shell: feeds and people put events into one inbox, one writer journals them, steps the engine and releases.

    feed ─┐
    people ├→ inbox → writer: journal the input → step the engine → journal what follows → commit → release
    policy ┘                                                                                       (replies, state file,
                                                                                                    screen, orders)

Everything that waits, reads a clock or touches a socket is here; nothing here decides anything.
"""
