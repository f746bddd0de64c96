using System.Net;

namespace Fairlead.Testing;

/// <summary>A request's body that is written as the test goes.</summary>
internal sealed class SpokenBody : HttpContent
{
    public TaskCompletionSource<Stream> Stream { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource End { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.FlushAsync();
        Stream.SetResult(stream);
        await End.Task;
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
