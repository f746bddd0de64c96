using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>Answers as a Table, which is what kubectl prints (Kubernetes API concepts: "Receiving resources as Tables").</summary>
internal static class TableAnswer
{
    public static Task WriteAsync(HttpContext context, Kind kind, IReadOnlyList<StoredObject> objects, long revision, string? next, DateTimeOffset now) =>
        throw new NotSupportedException();

    public static byte[] Single(HttpContext context, Kind kind, StoredObject obj, bool withColumns, DateTimeOffset now) => throw new NotSupportedException();
}
