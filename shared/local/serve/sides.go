package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
)

// DefaultListen and DefaultOperator are where serve listens where nothing else is said.
const (
	DefaultListen   = "127.0.0.1:3000"
	DefaultOperator = "127.0.0.1:3001"
)

// sides are the two listeners, which share nothing: a proxy or a forwarder in front of the one leads nobody to the other.
type sides struct {
	// public is reached by everybody: the webhook.
	public net.Listener
	// operator is reached by this machine's own programs alone: the console and its API.
	operator net.Listener
}

// listen opens both. Its error names the option to change.
func listen(ctx context.Context, public string, operator netip.AddrPort) (s sides, err error) {
	var config net.ListenConfig
	if s.public, err = config.Listen(ctx, "tcp", public); err != nil {
		return s, fmt.Errorf("listen on %s: %w: choose another address with --listen", public, err)
	}
	if s.operator, err = config.Listen(ctx, "tcp", operator.String()); err != nil {
		err = fmt.Errorf("listen on %s: %w: choose another address with --operator", operator, err)
		return s, errors.Join(err, s.public.Close())
	}
	return s, nil
}

// operatorAddress is where the operator's side listens: an address that no other machine reaches, and not the public side's. A
// name is looked up once, so that what was looked at is what is listened on.
func operatorAddress(options Options) (netip.AddrPort, error) {
	address, err := resolve("--operator", options.Operator, DefaultOperator)
	if err != nil {
		return address, err
	}
	if !address.Addr().IsLoopback() {
		return address, fmt.Errorf("--operator is %s, which other machines could reach: the console and its API stay on this one. "+
			"Leave it at %s; from another machine run\n  %s\nand open there the link that serve prints",
			options.Operator, DefaultOperator, forward(address.Port()))
	}
	public, err := resolve("--listen", options.Listen, DefaultListen)
	if err != nil {
		return address, err
	}
	if samePort := address.Port() != 0 && address.Port() == public.Port(); samePort &&
		(public.Addr() == address.Addr() || public.Addr().IsUnspecified()) {
		return address, fmt.Errorf("--operator is %s and --listen is %s: whoever reaches the webhook would reach the console and its API, too. "+
			"Give them two ports", options.Operator, options.Listen)
	}
	return address, nil
}

func resolve(option, text, example string) (netip.AddrPort, error) {
	found, err := net.ResolveTCPAddr("tcp", text)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%s is %q: %w: write it like %s", option, text, err, example)
	}
	address := found.AddrPort()
	ip := address.Addr().Unmap()
	if !ip.IsValid() { // without a host it is every address
		ip = netip.IPv6Unspecified()
	}
	return netip.AddrPortFrom(ip, address.Port()), nil
}

// forward is the command that makes a port of this machine's loopback a port of another machine's.
func forward(port uint16) string {
	if port == 0 {
		port = netip.MustParseAddrPort(DefaultOperator).Port()
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this-machine"
	}
	number := strconv.Itoa(int(port))
	return "ssh -L " + number + ":" + net.JoinHostPort("127.0.0.1", number) + " " + host
}

// close closes what nothing serves yet.
func (s sides) close() error { return errors.Join(s.public.Close(), s.operator.Close()) }

// isEverywhere says whether a listener takes connections to every address of this machine.
func isEverywhere(listener net.Listener) bool {
	address, err := netip.ParseAddrPort(listener.Addr().String())
	return err == nil && address.Addr().IsUnspecified()
}

// baseURL leads to a listener from this machine: to one that listens everywhere over the loopback.
func baseURL(listener net.Listener) string {
	host := listener.Addr().String()
	if isEverywhere(listener) {
		host = net.JoinHostPort("127.0.0.1", portOf(host))
	}
	return (&url.URL{Scheme: "http", Host: host}).String() // which escapes the zone of an address of IPv6
}

// portOf is the port of a listener's address.
func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
