# Ends a test server when nobody uses it any more: a process that uses it holds a lock on the file `users` in its
# folder, and the system takes that lock back however the process ends.
# sh guard.sh FOLDER BIN SECONDS
idle=0
while [ "$idle" -le "$3" ]; do
    sleep 1
    [ -d "$1/data" ] || exit 0
    if flock --nonblock --exclusive "$1/users" true; then idle=$((idle + 1)); else idle=0; fi
    if [ "$idle" -gt "$3" ]; then
        # Nobody may come in while it is looked at for the last time.
        exec 9<"$1.lock"
        flock --exclusive 9
        if flock --nonblock --exclusive "$1/users" true; then
            "$2/pg_ctl" -D "$1/data" -m immediate stop >/dev/null 2>&1
            # The folder may be another user's to remove; what is in it is ours.
            rm -rf "$1"/* "$1" 2>/dev/null
            case "$1" in *-own-*) rm -f "$1.lock" 2>/dev/null ;; esac
            exit 0
        fi
        idle=0
        exec 9<&-
    fi
done
