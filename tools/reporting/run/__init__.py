# SPDX-License-Identifier: Apache-2.0
"""The sections of one run's page: each takes a Result and returns HTML, empty for nothing."""
