namespace Fairlead.ApiServer.HTTP.Limits;

/// <summary>How a request that asked for a seat fared.</summary>
internal enum SeatAnswer
{
    Taken,
    /// <summary>Too many of the same user wait already.</summary>
    QueueFull,
    /// <summary>None came free while it waited.</summary>
    TimeOut,
}

/// <summary>
/// So many requests at once, shared fairly by user. A user takes a seat while he holds fewer than four times what is left free, so that one
/// alone gets four fifths and there is always room for the next; whoever holds more waits in a queue of his own, and a seat that comes free
/// goes to the waiting user who holds fewest. Thread-safe.
/// </summary>
/// <param name="seats">0: no limit.</param>
internal sealed class FairSeats(int seats, TimeProvider time)
{
    /// <summary>Waiting requests of one user, and of all together.</summary>
    public const int LongestQueue = 100, LongestQueues = 2000;

    /// <summary>A quarter of the time that a request has, as in Kubernetes.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private const int Share = 4;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Flow> _flows = [];
    private readonly List<Flow> _waiting = [];
    private int _free = seats == 0 ? int.MaxValue / Share : seats;
    private int _queued;

    /// <summary>Requests that wait.</summary>
    public int Queued => Volatile.Read(ref _queued);

    /// <summary>A seat that was taken is given back by <see cref="Return"/>.</summary>
    /// <exception cref="OperationCanceledException">The client went away while it waited; no seat is held.</exception>
    public ValueTask<SeatAnswer> TakeAsync(string user, CancellationToken cancel)
    {
        LinkedListNode<TaskCompletionSource> place;
        lock (_lock)
        {
            if (!_flows.TryGetValue(user, out var flow)) _flows[user] = flow = new Flow();
            if (flow.Queue.Count == 0 && MayTake(flow))
            {
                Take(flow);
                return new ValueTask<SeatAnswer>(SeatAnswer.Taken);
            }
            if (flow.Queue.Count >= LongestQueue || _queued >= LongestQueues)
            {
                Forget(user, flow);
                return new ValueTask<SeatAnswer>(SeatAnswer.QueueFull);
            }
            place = flow.Queue.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            if (flow.Queue.Count == 1) _waiting.Add(flow);
            _queued++;
        }
        return new ValueTask<SeatAnswer>(WaitAsync(user, place, cancel));
    }

    public void Return(string user)
    {
        lock (_lock)
        {
            var flow = _flows[user];
            flow.Held--;
            _free++;
            Forget(user, flow);
            while (Next() is { } next) Seat(next);
        }
    }

    private async Task<SeatAnswer> WaitAsync(string user, LinkedListNode<TaskCompletionSource> place, CancellationToken cancel)
    {
        try
        {
            await place.Value.Task.WaitAsync(Patience, time, cancel);
            return SeatAnswer.Taken;
        }
        catch (TimeoutException)
        {
            // A seat that came at the same moment is as good as one before.
            return Leave(user, place) ? SeatAnswer.TimeOut : SeatAnswer.Taken;
        }
        catch (OperationCanceledException)
        {
            if (!Leave(user, place)) Return(user);
            throw;
        }
    }

    /// <summary>False if the seat has been given meanwhile.</summary>
    private bool Leave(string user, LinkedListNode<TaskCompletionSource> place)
    {
        lock (_lock)
        {
            if (place.Value.Task.IsCompleted) return false;
            var flow = _flows[user];
            flow.Queue.Remove(place);
            if (flow.Queue.Count == 0) _waiting.Remove(flow);
            _queued--;
            Forget(user, flow);
            return true;
        }
    }

    /// <summary>Of those who wait and may take a seat, who holds fewest; of several, who has waited longest for his turn.</summary>
    private Flow? Next()
    {
        Flow? fewest = null;
        foreach (var flow in _waiting)
        {
            if (MayTake(flow) && (fewest is null || flow.Held < fewest.Held)) fewest = flow;
        }
        return fewest;
    }

    private void Seat(Flow flow)
    {
        Take(flow);
        var first = flow.Queue.First!;
        flow.Queue.RemoveFirst();
        _queued--;
        // To the end, so that those who hold as many come first the next time.
        _waiting.Remove(flow);
        if (flow.Queue.Count > 0) _waiting.Add(flow);
        first.Value.SetResult();
    }

    private bool MayTake(Flow flow) => _free > 0 && flow.Held < (long)Share * _free;

    private void Take(Flow flow)
    {
        flow.Held++;
        _free--;
    }

    private void Forget(string user, Flow flow)
    {
        if (flow.Held == 0 && flow.Queue.Count == 0) _flows.Remove(user);
    }

    /// <summary>The requests of one user.</summary>
    private sealed class Flow
    {
        public int Held;

        public LinkedList<TaskCompletionSource> Queue { get; } = new();
    }
}
