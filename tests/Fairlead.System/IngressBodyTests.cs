using System.Globalization;
using System.Net.Security;
using System.Text;
using System.Threading.Channels;
using Xunit;

namespace Fairlead.System;

/// <summary>Bodies pass as they come, in both directions, however long they are.</summary>
public sealed class IngressBodyTests(IngressStand stand) : IClassFixture<IngressStand>
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);
    private static readonly string[] Pieces = ["one", "second", "and the third"];

    /// <summary>A piece is said when the one before has arrived: first up, and then down.</summary>
    [Theory]
    [InlineData("lean", false)]
    [InlineData("lean", true)]
    [InlineData("kestrel", false)]
    [InlineData("kestrel", true)]
    public async Task Pieces_PassAtOnce(string path, bool isTls)
    {
        var arrived = Channel.CreateUnbounded<string>();
        var read = Channel.CreateUnbounded<string>();
        await TalkAsync(path, isTls, async (reader, stream) =>
        {
            while (await PieceAsync(reader) is { } piece) await arrived.Writer.WriteAsync(piece);
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"u8.ToArray());
            foreach (var piece in Pieces)
            {
                await SendAsync(stream, piece);
                Assert.Equal(piece, await read.Reader.ReadAsync().AsTask().WaitAsync(Soon));
            }
            await stream.WriteAsync("0\r\n\r\n"u8.ToArray());
        }, async (reader, stream) =>
        {
            foreach (var piece in Pieces)
            {
                await SendAsync(stream, piece);
                Assert.Equal(piece, await arrived.Reader.ReadAsync().AsTask().WaitAsync(Soon));
            }
            await stream.WriteAsync("0\r\n\r\n"u8.ToArray());
            await SkipHeadAsync(reader);
            while (await PieceAsync(reader) is { } piece) await read.Writer.WriteAsync(piece);
        });
        Assert.Equal(0, arrived.Reader.Count + read.Reader.Count);
    }

    /// <summary>The answer begins before the request has ended.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pieces_PassBothWaysAtATime(bool isTls) => await TalkAsync("lean", isTls, async (reader, stream) =>
    {
        await stream.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"u8.ToArray());
        while (await PieceAsync(reader) is { } piece) await SendAsync(stream, $"pod {piece}");
        await stream.WriteAsync("0\r\n\r\n"u8.ToArray());
    }, async (reader, stream) =>
    {
        await SendAsync(stream, "first");
        await SkipHeadAsync(reader);
        Assert.Equal("pod first", await PieceAsync(reader));
        foreach (var piece in Pieces)
        {
            await SendAsync(stream, piece);
            Assert.Equal($"pod {piece}", await PieceAsync(reader));
        }
        await stream.WriteAsync("0\r\n\r\n"u8.ToArray());
        Assert.Null(await PieceAsync(reader));
    });

    /// <summary>More than the process may grow by goes through it, with a length and without.</summary>
    [Theory]
    [InlineData("http", "--http1.1", "")]
    [InlineData("http", "--http1.1", "Transfer-Encoding: chunked")]
    [InlineData("https", "--http2", "")]
    public async Task LargeBodies_AreNotKept(string scheme, string version, string field)
    {
        const int size = 192 << 20, mostGrowth = size / 2;
        const string host = "large.example.com";
        await stand.ServeAsync(host, service: "two");
        var large = $"{stand.Folder}/large";
        await using (var file = File.Create(large)) file.SetLength(size);
        stand.Pods[2].Instead = async (_, _, stream) =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nConnection: close\r\n{(field.Length > 0 ? field : $"Content-Length: {size}")}\r\n\r\n"));
            var piece = new byte[1 << 16];
            for (var left = size; left > 0; left -= piece.Length)
            {
                if (field.Length > 0) await stream.WriteAsync("10000\r\n"u8.ToArray());
                await stream.WriteAsync(piece);
                if (field.Length > 0) await stream.WriteAsync("\r\n"u8.ToArray());
            }
            if (field.Length > 0) await stream.WriteAsync("0\r\n\r\n"u8.ToArray());
        };
        await stand.ServeAsync("down.example.com", service: "three");
        var before = Peak();

        var up = await stand.CurlAsync($"{scheme}://{host}/", version, "-H", "Expect:", "-H", field.Length > 0 ? field : "X-None: 1", "--upload-file", large);
        var down = await stand.CurlAsync($"{scheme}://down.example.com/", version, "-o", "/dev/null", "-w", "%{http_code} %{size_download}");

        stand.Pods[2].Instead = null;
        Assert.EndsWith($"body {size}\n", up.Output, StringComparison.Ordinal);
        Assert.Equal($"200 {size}", down.Output);
        Assert.InRange(Peak() - before, 0, mostGrowth);
    }

    /// <summary>What a pod does with one request, and the client of its head.</summary>
    private async Task TalkAsync(string path, bool isTls, Func<StreamReader, Stream, Task> pod, Func<StreamReader, Stream, Task> say)
    {
        var host = $"{path}-{(isTls ? "tls" : "plain")}.pieces.example.com";
        await stand.ApplyAsync(IngressStand.IngressOf(host.Replace('.', '-'), host, path == "lean" ? "" : "enable-cors: \"true\"", service: "one"));
        await stand.IsServedAsync(host);
        Task? answering = null;
        stand.Pods[0].Instead = (_, reader, stream) => answering = pod(reader, stream);
        try
        {
            using var client = await stand.ConnectAsync(port: isTls ? 443 : 80);
            await using Stream stream = isTls ? await SecureAsync(client.GetStream(), host) : client.GetStream();
            using var reader = new StreamReader(stream);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"));
            await say(reader, stream);
            await answering!.WaitAsync(Soon);
        }
        finally
        {
            stand.Pods[0].Instead = null;
        }
    }

    private static async Task SendAsync(Stream stream, string piece) => await stream.WriteAsync(Encoding.ASCII.GetBytes($"{piece.Length:x}\r\n{piece}\r\n"));

    /// <summary>The next chunk, which has no line's end in it; null for the last.</summary>
    private static async Task<string?> PieceAsync(StreamReader reader)
    {
        var length = await reader.ReadLineAsync().WaitAsync(Soon);
        var piece = await reader.ReadLineAsync().WaitAsync(Soon);
        return length == "0" ? null : piece;
    }

    private static async Task SkipHeadAsync(StreamReader reader)
    {
        Assert.StartsWith("HTTP/1.1 200 ", await reader.ReadLineAsync().WaitAsync(Soon), StringComparison.Ordinal);
        while (await reader.ReadLineAsync().WaitAsync(Soon) is { Length: > 0 })
        {
            // Fields.
        }
    }

    /// <summary>The most memory that the process ever had, in bytes.</summary>
    private long Peak() => 1024 * long.Parse(
        File.ReadLines($"/proc/{stand.ProcessId}/status").Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    private static async Task<Stream> SecureAsync(Stream stream, string host)
    {
#pragma warning disable CA5359 // Its certificate is its own.
        var tls = new SslStream(stream, leaveInnerStreamOpen: false, (_, _, _, _) => true);
#pragma warning restore CA5359
        await tls.AuthenticateAsClientAsync(host);
        return tls;
    }
}
