namespace Fairlead.Node.Streaming.Spdy;

internal sealed partial class SpdyConnection
{
    /// <summary>Opens a stream; its end comes with the connection's where the peer refuses it.</summary>
    /// <exception cref="IOException">The connection is over.</exception>
    public async Task<SpdyStream> OpenStreamAsync(IReadOnlyDictionary<string, string> headers, CancellationToken cancel)
    {
        // After the stream's number: the one that it belongs to, priority, credential slot.
        const int BeforeHeaders = 10;
        await _sending.WaitAsync(cancel);
        try
        {
            _lastStream = _lastStream == 0 ? 1 : _lastStream + 2;
            var stream = new SpdyStream(this, _lastStream, headers);
            if (_windowsCount) stream.Window.Begin(_initialWindow - SpdyWindow.Initial);
            _streams[stream.Id] = stream;
            await FlushAsync(HeaderFrame(SpdyFrameType.SynStream, stream.Id, BeforeHeaders, headers), cancel);
            return stream;
        }
        finally
        {
            _sending.Release();
        }
    }
}
