using System.IO.Compression;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// gzip for large answers, as kube-apiserver's APIResponseCompression. A client on this very machine gets them plain: there
/// is no network to save, and compressing takes longer than sending.
/// </summary>
internal static class Compression
{
    /// <summary>Bytes below which an answer is not worth the work.</summary>
    public const int Smallest = 128 * 1024;

    public static bool IsWanted(HttpContext context, long size) =>
        size >= Smallest && !IsLocal(context.Connection) && context.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);

    /// <summary>What to write an answer of about this size to; it must be completed.</summary>
    public static PipeWriter BodyOf(HttpContext context, long size)
    {
        if (!IsWanted(context, size)) return context.Response.BodyWriter;
        context.Response.Headers.ContentEncoding = "gzip";
        context.Response.Headers.Vary = "Accept-Encoding";
        return PipeWriter.Create(new GZipStream(context.Response.Body, CompressionLevel.Fastest));
    }

    private static bool IsLocal(ConnectionInfo connection) =>
        connection.RemoteIpAddress is not { } remote || IPAddress.IsLoopback(remote) || remote.Equals(connection.LocalIpAddress);
}
