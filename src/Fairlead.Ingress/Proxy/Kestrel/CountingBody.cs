using System.IO.Pipelines;
using Fairlead.Kube.Streams;
using Microsoft.AspNetCore.Http.Features;

namespace Fairlead.Ingress.Proxy.Kestrel;

/// <summary>
/// An answer's body that counts what is written to its stream, for the log, where no length is declared. A feature and not only a stream: in place of a stream ASP.NET
/// puts a feature of its own, whose CompleteAsync does not end the answer.
/// </summary>
internal sealed class CountingBody(IHttpResponseBodyFeature inner) : AsyncStream, IHttpResponseBodyFeature
{
    public Stream Stream => this;

    public PipeWriter Writer => inner.Writer;

    public override bool CanWrite => true;

    internal long Written { get; private set; }

    public override void Flush() => inner.Stream.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.Stream.FlushAsync(cancellationToken);

    public override void Write(byte[] buffer, int offset, int count)
    {
        Written += count;
        inner.Stream.Write(buffer, offset, count);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Written += buffer.Length;
        return inner.Stream.WriteAsync(buffer, cancellationToken);
    }

    public void DisableBuffering() => inner.DisableBuffering();

    public Task StartAsync(CancellationToken cancellationToken = default) => inner.StartAsync(cancellationToken);

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) => inner.SendFileAsync(path, offset, count, cancellationToken);

    public Task CompleteAsync() => inner.CompleteAsync();
}
