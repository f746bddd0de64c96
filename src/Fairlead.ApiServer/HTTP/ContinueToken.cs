using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.HTTP;

/// <summary>Where a list goes on, opaque to clients (Kubernetes API concepts: "Retrieving large results sets in chunks").</summary>
/// <param name="Revision">Of the snapshot that the list shows; <see cref="Present"/>: of whatever is there by now.</param>
/// <param name="After">The last key given.</param>
/// <param name="Began">When the first page was.</param>
internal sealed record ContinueToken(long Revision, string After, DateTimeOffset Began)
{
    public const long Present = -1;

    /// <summary>As long as Kubernetes keeps past revisions at the least (kube-apiserver's --etcd-compaction-interval): clients cannot count on more.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    /// <exception cref="ApiError">400: this is none.</exception>
    public static ContinueToken Read(string token)
    {
        try
        {
            var base64 = token.Replace('-', '+').Replace('_', '/');
            var json = JsonTree.Parse(Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '=')));
            var (revision, began) = (json.Number("rv") ?? throw new FormatException(), json.Number("began") ?? throw new FormatException());
            return new ContinueToken(revision, json.Text("start") ?? throw new FormatException(), DateTimeOffset.FromUnixTimeSeconds(began));
        }
        catch (Exception e) when (e is FormatException or JsonException or ArgumentOutOfRangeException)
        {
            throw ApiError.BadRequest("continue key is not valid");
        }
    }

    public override string ToString()
    {
        var token = new JsonObject { ["v"] = "meta.k8s.io/v1", ["rv"] = Revision, ["start"] = After, ["began"] = Began.ToUnixTimeSeconds() };
        return Convert.ToBase64String(Encoding.UTF8.GetBytes(token.ToJsonString())).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }
}
