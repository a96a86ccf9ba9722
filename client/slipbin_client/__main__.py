"""`python -m slipbin_client`: the same as `slipbin`."""

from slipbin_client.app import main

main()
