using System.CommandLine;
using Fairlead.ApiServer;
using Fairlead.ApiServer.Security.Audit;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>The options of `fairlead server` by which it protects itself and what it keeps; named as kube-apiserver's.</summary>
internal sealed class ServerProtection
{
    private readonly Option<int> _reading = new("--max-requests-inflight") { Description = "Requests that only read which are served at once; 0: no limit.", DefaultValueFactory = _ => 400 };
    private readonly Option<int> _changing = new("--max-mutating-requests-inflight") { Description = "Requests that change something which are served at once; 0: no limit.", DefaultValueFactory = _ => 200 };
    private readonly Option<string> _timeout = new("--request-timeout") { Description = "Time that a request has which is neither watch nor stream.", DefaultValueFactory = _ => "1m" };
    private readonly Option<string?> _encryption = new("--encryption-provider-config") { Description = "EncryptionConfiguration: which objects the store holds encrypted, and by which keys. Only its owner may read it." };
    private readonly Option<string?> _policy = new("--audit-policy-file") { Description = "Policy of audit.k8s.io/v1: which requests are written down, and how much of them." };
    private readonly Option<string?> _log = new("--audit-log-path") { Description = "File to write them to; - is standard output." };
    private readonly Option<int> _size = new("--audit-log-maxsize") { Description = "Megabytes at which a new file is begun; 0: never.", DefaultValueFactory = _ => 100 };
    private readonly Option<int> _backups = new("--audit-log-maxbackup") { Description = "Full files that are kept; 0: all.", DefaultValueFactory = _ => 100 };
    private readonly Option<int> _age = new("--audit-log-maxage") { Description = "Days for which they are kept; 0: for ever.", DefaultValueFactory = _ => 366 };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_reading, _changing, _timeout, _encryption, _policy, _log, _size, _backups, _age]) command.Options.Add(option);
    }

    /// <summary>Answers what puts them into a server's options.</summary>
    /// <exception cref="UserException">They do not go together.</exception>
    public Func<ApiServerOptions, ApiServerOptions> Read(ParseResult parse)
    {
        var (reading, changing) = (parse.GetValue(_reading), parse.GetValue(_changing));
        var timeout = UpCommand.Duration(parse.GetValue(_timeout)!);
        var encryption = parse.GetValue(_encryption);
        var audit = Audit(parse);
        return options => options with
        {
            MaxRequestsInFlight = reading, MaxMutatingRequestsInFlight = changing, RequestTimeout = timeout, EncryptionProviderConfig = encryption, Audit = audit,
        };
    }

    private AuditOptions? Audit(ParseResult parse) => (parse.GetValue(_log), parse.GetValue(_policy)) switch
    {
        (null, null) => null,
        ({ Length: > 0 } log, { Length: > 0 } policy) => new AuditOptions
        {
            LogPath = log, PolicyFile = policy, MaxSize = parse.GetValue(_size), MaxBackups = parse.GetValue(_backups), MaxAge = parse.GetValue(_age),
        },
        (null, _) => throw new UserException("--audit-policy-file needs --audit-log-path, the file to write to"),
        _ => throw new UserException("--audit-log-path needs --audit-policy-file: without a policy nothing is written down"),
    };
}
