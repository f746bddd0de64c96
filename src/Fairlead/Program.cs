using System.CommandLine;
using Fairlead.Commands;
using Fairlead.Terminal;

var root = new RootCommand("Kubernetes Services, whole, in one binary: API server, controllers, nodes and their load balancer.")
{
    UpCommand.Create(),
    DownCommand.Create(),
    StatusCommand.Create(),
    KubeconfigCommand.Create(),
    ServerCommand.Create(),
    AgentCommand.Create(),
    ProxyCommand.Create(),
    DnsCommand.Create(),
    ControllersCommand.Create(),
    EchoCommand.Create(),
    VersionCommand.Create(),
};
return await Failures.RunAsync(() => root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }));
