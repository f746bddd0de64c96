namespace Fairlead.Node.Streaming.Spdy;

/// <summary>
/// How many bytes the peer still takes (SPDY protocol, draft 3.1, section 2.6.8). The Go library that kubectl is made with
/// neither grants nor counts any, so a window holds nobody back until the peer has spoken of windows.
/// </summary>
internal sealed class SpdyWindow
{
    public const int Initial = 64 * 1024;
    private readonly Lock _lock = new();
    private long _left = Initial;
    private bool _counts;
    private TaskCompletionSource? _grown;

    /// <summary>From now on the window counts.</summary>
    public void Begin(int more)
    {
        lock (_lock)
        {
            _counts = true;
            _left += more;
            _grown?.TrySetResult();
            _grown = null;
        }
    }

    /// <summary>Waits until something may be sent, and takes up to as much as is wanted.</summary>
    public async ValueTask<int> TakeAsync(int wanted, CancellationToken cancel)
    {
        while (true)
        {
            Task grown;
            lock (_lock)
            {
                var granted = _counts ? (int)Math.Min(wanted, _left) : wanted;
                if (granted > 0)
                {
                    _left -= granted;
                    return granted;
                }
                grown = (_grown ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }
            await grown.WaitAsync(cancel);
        }
    }

    /// <summary>Gives back what was taken and not sent.</summary>
    public void Return(int bytes)
    {
        lock (_lock) _left += bytes;
    }
}
