using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Unit.Node.Images;

namespace Fairlead.System;

/// <summary>
/// A registry of one image on a port of loopback, and the layers of it that it does not simply send: it breaks off the first transfer of each, or sends
/// none before all have been asked for.
/// </summary>
internal sealed class FaultyRegistry : IDisposable
{
    private readonly Dictionary<string, (string Type, byte[] Content)> _content = [];
    private readonly HashSet<string> _layers = [];
    private readonly ConcurrentDictionary<string, bool> _cut = new();
    private readonly TaskCompletionSource _allAsked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly EchoingPod _server;
    private int _asked;

    /// <param name="layers">Of the image, those that are not simply sent; uncompressed, as all are here.</param>
    public FaultyRegistry(string repository, TestImage image, params byte[][] layers)
    {
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Port = ((IPEndPoint)free.LocalEndpoint).Port;
        }
        var (manifest, blobs) = image.Manifest(TestImage.Plain);
        foreach (var (digest, blob) in blobs) _content[$"/v2/{repository}/blobs/{digest}"] = ("application/octet-stream", blob);
        foreach (var layer in layers) _layers.Add($"/v2/{repository}/blobs/{TestImage.Digest(layer)}");
        _content[$"/v2/{repository}/manifests/1"] = ("application/vnd.oci.image.manifest.v1+json", manifest);
        Image = $"127.0.0.1:{Port}/{repository}:1";
        _server = new EchoingPod("127.0.0.1", Port) { Instead = AnswerAsync, EndsTls = true };
    }

    private int Port { get; }

    public string Image { get; }

    /// <summary>Where a layer's transfer breaks off, once each, in bytes; 0: nowhere.</summary>
    public int CutAfter { get; init; }

    /// <summary>Layers are sent when each of them has been asked for.</summary>
    public bool WaitsForAll { get; init; }

    /// <summary>For each request for a layer, from which byte on.</summary>
    public ConcurrentQueue<int> Starts { get; } = new();

    public void Dispose() => _server.Dispose();

    private async Task AnswerAsync(string head, StreamReader reader, Stream stream)
    {
        var path = head.Split(' ')[1];
        if (!_content.TryGetValue(path, out var found))
        {
            await stream.WriteAsync("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
            return;
        }
        var from = EchoingPod.Field(head, "Range") is { } range ? int.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture) : 0;
        var left = found.Content.AsMemory(from);
        if (_layers.Contains(path))
        {
            Starts.Enqueue(from);
            if (Interlocked.Increment(ref _asked) == _layers.Count) _allAsked.SetResult();
            if (WaitsForAll) await _allAsked.Task;
        }
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {(from > 0 ? "206 Partial Content" : "200 OK")}\r\nContent-Type: {found.Type}\r\nContent-Length: {left.Length}\r\nConnection: close\r\n\r\n"));
        // Closed in the middle of what was promised.
        var cuts = CutAfter > 0 && _layers.Contains(path) && _cut.TryAdd(path, true);
        await stream.WriteAsync(cuts ? left[..CutAfter] : left);
    }
}
