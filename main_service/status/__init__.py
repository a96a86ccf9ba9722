"""How the installation is doing, on one screen: parts, pools, queues, visits, emails, disks and tasks."""
