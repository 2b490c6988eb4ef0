# SPDX-License-Identifier: Apache-2.0
"""The parts of tools/report: reading a result, drawing charts, laying out the page."""
