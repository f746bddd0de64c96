using System.Text;

namespace Fairlead.ApiServer.Storage.Etcd;

/// <summary>
/// Where things lie in etcd: objects under Kubernetes' keys with the prefix in place of <c>/registry</c>, and what servers keep for each
/// other under <c>PREFIX/fairlead/</c>, which is no kind's folder.
/// </summary>
internal sealed class EtcdKeys(string prefix)
{
    public const string Registry = "/registry";
    private readonly string _own = prefix + "/fairlead/";
    private readonly string _claims = prefix + "/fairlead/claims/";

    public byte[] First { get; } = Encoding.UTF8.GetBytes(prefix + "/");

    /// <summary>Just behind the last, which is as etcd names ranges: '0' follows '/'.</summary>
    public byte[] End { get; } = Encoding.UTF8.GetBytes(prefix + "0");

    /// <summary>Says that the keys under the prefix are ours, and in which form.</summary>
    public byte[] Format => Encoding.UTF8.GetBytes(_own + "format");

    public byte[] Compaction => Encoding.UTF8.GetBytes(_own + "compaction");

    /// <summary>Written for nothing but the change that it makes.</summary>
    public byte[] Barrier => Encoding.UTF8.GetBytes(_own + "barrier");

    public byte[] Of(string key) => Encoding.UTF8.GetBytes(prefix + key[Registry.Length..]);

    public byte[] OfClaim(string name) => Encoding.UTF8.GetBytes(_claims + name);

    public byte[] OfTurn(string name) => Encoding.UTF8.GetBytes(_own + "turns/" + name);

    /// <summary>The store's key of an object; null where etcd's key is none of one.</summary>
    public string? ObjectOf(string key) => key.StartsWith(_own, StringComparison.Ordinal) ? null : prefix == Registry ? key : Registry + key[prefix.Length..];

    public string? ClaimOf(string key) => key.StartsWith(_claims, StringComparison.Ordinal) ? key[_claims.Length..] : null;
}
