using Fairlead.Kube.Grpc;

namespace Fairlead.ApiServer.Storage.Etcd;

/// <summary>Failures in words for a user.</summary>
internal static class EtcdFailures
{
    /// <summary>What kube-apiserver answers, so that clients which look for it find it.</summary>
    public static StoreException Unknown(string why, Exception? inner = null) =>
        new($"etcdserver: request timed out; it is not known whether the change was made: {why}", inner, StoreTrouble.Unknown);

    public static StoreException Away(string why, Exception? inner = null) => new($"etcd cannot be reached, nothing was written: {why}", inner, StoreTrouble.Away);

    /// <summary>etcd's own refusal.</summary>
    public static StoreException Refused(GrpcException e) => new($"etcd refuses, nothing was written: {e.Message}", e);
}
