"""Reports as people take them away: terminal, CSV, HTML, and a workbook."""
