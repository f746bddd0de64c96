using System.CommandLine;
using Fairlead.ApiServer.Storage.Etcd;

namespace Fairlead.Commands;

/// <summary>Which etcd to use, in kube-apiserver's words; several commands have these options.</summary>
internal sealed class EtcdCommandOptions
{
    private readonly Option<string?> _servers = new("--etcd-servers") { Description = "Keep objects in this etcd instead of a file: URLs of its members, separated by commas. Several servers may share it." };
    private readonly Option<string?> _ca = new("--etcd-cafile") { Description = "PEM file of who signed the etcd members' certificates; default: the machine's own trust." };
    private readonly Option<string?> _certificate = new("--etcd-certfile") { Description = "PEM file of the certificate to show to etcd." };
    private readonly Option<string?> _key = new("--etcd-keyfile") { Description = "PEM file of its key." };
    private readonly Option<string> _prefix = new("--etcd-prefix") { Description = "What every key in etcd begins with.", DefaultValueFactory = _ => "/registry" };
    private readonly Option<string> _compaction = new("--etcd-compaction-interval") { Description = "How often etcd's history is compacted, for example 5m; 0: never.", DefaultValueFactory = _ => "5m" };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_servers, _ca, _certificate, _key, _prefix, _compaction]) command.Add(option);
    }

    /// <summary>Null: no etcd is named.</summary>
    public EtcdOptions? Read(ParseResult parse) => parse.GetValue(_servers) is not { } servers
        ? null
        : new EtcdOptions
        {
            Servers = EtcdOptions.ParseServers(servers),
            CaFile = parse.GetValue(_ca),
            CertFile = parse.GetValue(_certificate),
            KeyFile = parse.GetValue(_key),
            Prefix = EtcdOptions.ParsePrefix(parse.GetValue(_prefix)!),
            CompactEvery = UpCommand.Duration(parse.GetValue(_compaction)!) is var every && every > TimeSpan.Zero ? every : null,
        };

    /// <summary>The same as words of a command line, for a process that is started with them.</summary>
    public IReadOnlyList<string> Pass(ParseResult parse)
    {
        if (parse.GetValue(_servers) is not { } servers) return [];
        var words = new List<string> { _servers.Name, servers, _prefix.Name, parse.GetValue(_prefix)!, _compaction.Name, parse.GetValue(_compaction)! };
        foreach (var file in (Option<string?>[])[_ca, _certificate, _key])
        {
            if (parse.GetValue(file) is { } path) words.AddRange([file.Name, Path.GetFullPath(path)]);
        }
        return words;
    }
}
